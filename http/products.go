package http

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

const operationGetProduct = "getProduct"

func productRoutes() []Route {
	return []Route{
		{
			Method: "POST", Path: pathProducts, Operation: "createProduct", Tag: "products",
			Policy: holders(commerce.ScopeProductsWrite), Class: access.ClassWrite,
			Summary:    "Puts a product into the catalogue, with its first units.",
			Parameters: []Parameter{keyParameter()},
			Body:       &Body{Schema: "CreateProduct", Types: []string{contentTypeJSON}},
			Answers: []Answer{{
				Status: 201, Schema: "Product", Headers: []string{"Location", "ETag", "Idempotency-Replayed"},
				Description: "The product.",
			}},
			Problems: keyedProblems(commerce.CodeSKUTaken),
			Handle:   (*Server).createProduct,
		},
		productListRoute(),
		{
			Method: "GET", Path: pathProducts + "/{id}", Operation: operationGetProduct, Tag: "products",
			Policy: anybody(), Class: access.ClassRead,
			Summary:    "Shows a product with its stock as it is committed.",
			Parameters: []Parameter{idParameter("product"), ifNoneMatchParameter()},
			Answers: []Answer{
				{Status: 200, Schema: "Product", Headers: publicHeaders("ETag"), Description: "The product."},
				{Status: 304, Headers: publicHeaders("ETag"), Description: "Neither the product nor its stock has changed."},
			},
			Problems: readProblems(commerce.CodeNotFound),
			Handle:   (*Server).getProduct,
		},
		{
			Method: "PATCH", Path: pathProducts + "/{id}", Operation: "updateProduct", Tag: "products",
			Policy: holders(commerce.ScopeProductsWrite), Class: access.ClassWrite,
			Summary: "Changes what the catalogue says, by a JSON merge patch. Stock is never touched.",
			Parameters: []Parameter{idParameter("product"), ifMatchParameter(true,
				"The ETag of the product you have read, of which only the first number counts, or *.")},
			Body: &Body{Schema: "ProductPatch", Types: []string{contentTypeMergePatch, contentTypeJSON}},
			Answers: []Answer{{
				Status: 200, Schema: "Product", Headers: []string{"ETag"}, Description: "The product after the change.",
			}},
			Problems: commandProblems(commerce.CodeNotFound, commerce.CodeSKUTaken, commerce.CodePrecondition,
				commerce.CodePreconditionMissing),
			Handle: (*Server).updateProduct,
		},
		{
			Method: "DELETE", Path: pathProducts + "/{id}", Operation: "archiveProduct", Tag: "products",
			Policy: holders(commerce.ScopeProductsWrite), Class: access.ClassWrite,
			Summary: "Archives a product: it is no longer listed or sold, and stays readable.",
			Parameters: []Parameter{idParameter("product"), ifMatchParameter(false,
				"The ETag of the product you have read; without it the product is archived as it is.")},
			Answers: []Answer{{
				Status: 200, Schema: "Product", Headers: []string{"ETag"}, Description: "The archived product.",
			}},
			Problems: commandProblems(commerce.CodeNotFound, commerce.CodePrecondition),
			Handle:   (*Server).archiveProduct,
		},
	}
}

func (s *Server) createProduct(r *request) error {
	cmd := &commerce.CreateProduct{Caller: r.by, Correlation: r.correlation, Key: r.key()}
	if err := r.decoder.CreateProduct(r.body(), cmd); err != nil {
		return err
	}
	receipt, err := s.cfg.Engine.CreateProduct(cmd)
	if err != nil {
		return err
	}
	r.setLocation(pathProducts, receipt.Product.ID)
	r.setReplayed(receipt.Replayed)
	return r.answerProduct(201, receipt)
}

func (r *request) answerProduct(status int, receipt actors.ProductReceipt) error {
	r.tag = wire.AppendProductETag(r.tag[:0], receipt.Product.Version, receipt.Stock.Version)
	r.setETag()
	r.buf = wire.AppendProduct(r.buf[:0], receipt.Product, receipt.Stock)
	return r.answerJSON(status)
}

// getProduct is the read that everybody does most. It allocates nothing while the product is known and rendered.
func (s *Server) getProduct(r *request) error {
	row, known := s.cfg.Engine.KnownProduct(r.id())
	if !known {
		ctx, cancel := s.query()
		defer cancel()
		var err error
		if row, err = s.cfg.Engine.Product(ctx, r.id()); err != nil {
			return err
		}
	}
	r.tag = wire.AppendProductETag(r.tag[:0], row.Product.Version, row.Stock.Version)
	r.setETag()
	r.setProductPublic(&s.caches.fields, row.Product.ID)
	if r.notModified() {
		return nil
	}
	r.answerShared(contentTypeJSON, s.caches.products.render(&row))
	return nil
}

func (s *Server) updateProduct(r *request) error {
	condition, sent, err := r.ifMatch()
	if err != nil {
		return err
	}
	if !sent {
		return &commerce.Error{
			Code: commerce.CodePreconditionMissing, Product: r.id(),
			Detail: "send the product's ETag in If-Match, so that nobody's change is lost",
		}
	}
	var patch wire.ProductPatch
	if err := r.decoder.ProductPatch(r.body(), &patch); err != nil {
		return err
	}
	return s.changeProduct(r, condition, patch.Apply)
}

func (s *Server) archiveProduct(r *request) error {
	condition, sent, err := r.ifMatch()
	if err != nil {
		return err
	}
	if !sent {
		condition.Any = true
	}
	return s.changeProduct(r, condition, func(current *commerce.Product, caller commerce.Principal) (*commerce.UpdateProduct, error) {
		if current.Archived {
			return nil, nil // archived is what was asked for
		}
		return &commerce.UpdateProduct{
			Caller: caller, Product: current.ID, Version: current.Version, Archive: true,
		}, nil
	})
}

// ifMatch reads the condition of a change; sent is false when there is none.
func (r *request) ifMatch() (condition wire.IfMatch, sent bool, err error) {
	field := r.ctx.Request.Header.Peek(headerIfMatch)
	if len(field) == 0 {
		return wire.IfMatch{}, false, nil
	}
	condition, err = wire.ParseIfMatch(string(field))
	if err != nil {
		return wire.IfMatch{}, false, invalidParameter(headerIfMatch, err.Error())
	}
	return condition, true, nil
}

// changePauseMax bounds the pause before a change that fits any version is tried again, because
// another one came first. Pauses are random, so that one of those who contend is alone.
const changePauseMax = 10 * time.Millisecond

// changeProduct reads the product, lets change say what to do with it as it is now, and does that.
// change returns nil when nothing is to be done. A change that fits any version is tried until it
// is the first, as long as a read may take.
func (s *Server) changeProduct(
	r *request, condition wire.IfMatch, change func(current *commerce.Product, caller commerce.Principal) (*commerce.UpdateProduct, error),
) error {
	ctx, cancel := s.query()
	defer cancel()
	for {
		row, err := s.cfg.Engine.Product(ctx, r.id())
		if err != nil {
			return err
		}
		if !condition.Allows(row.Product.Version) {
			return &commerce.Error{
				Code: commerce.CodePrecondition, Product: row.Product.ID,
				Detail: "the product has changed since it was read; read it again and send its new ETag in If-Match",
			}
		}
		cmd, err := change(row.Product, r.by)
		if err != nil {
			return err
		}
		if cmd == nil {
			return r.answerProduct(200, actors.ProductReceipt{Product: row.Product, Stock: row.Stock})
		}
		receipt, err := s.cfg.Engine.UpdateProduct(cmd)
		if err == nil {
			return r.answerProduct(200, receipt)
		}
		if !condition.Any || !errors.Is(err, &commerce.Error{Code: commerce.CodePrecondition}) {
			return err
		}
		select {
		case <-time.After(rand.N(changePauseMax)):
		case <-ctx.Done():
			return &commerce.Error{
				Code: commerce.CodeOverloaded, Product: row.Product.ID,
				Detail: "others keep changing the product; try again",
			}
		}
	}
}
