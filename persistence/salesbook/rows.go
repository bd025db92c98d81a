package salesbook

// Kind tells the packed rows apart that are kept by period.
type Kind uint8

// The kinds of rows. Their numbers are stored.
const (
	KindDay          Kind = iota + 1 // buckets of a day; the chunk is 0
	KindProductDay                   // product sums of a day, by quarter hour
	KindProductMonth                 // product sums of a month
)

// RowKey names a packed row. Period is a Day or a Month, by the kind.
type RowKey struct {
	Kind   Kind
	Period int32
	Chunk  Chunk
}

// Rows is a store's packed rows, to be changed together: all of a call's changes become visible at once, or none.
// Nobody else changes them meanwhile. What has been set is not seen by Row: no row is asked for after it was set.
type Rows interface {
	// Row calls use with a row; not at all when there is none.
	Row(key RowKey, use func(row []byte) error) error
	// Set replaces a row, or makes it. It keeps nothing of it.
	Set(key RowKey, row []byte) error
	// Each calls use with all rows of a kind and of the periods from one up to, but without, another.
	Each(kind Kind, from, to int32, use func(row []byte) error) error
	// HasMonth reports whether a month has rows of its own.
	HasMonth(m Month) (bool, error)
}

// TakeIn adds deltas to the rows of their days, and of their months where these have some.
// REQUIRES: the lists come from AddUpBuckets and AddUpProducts.
func TakeIn(rows Rows, buckets []Bucket, products []ProductSum) error {
	err := runs(buckets, func(a, b *Bucket) bool { return a.Key.Day() == b.Key.Day() }, func(run []Bucket) error {
		return addBuckets(rows, run)
	})
	if err != nil {
		return err
	}
	sameRow := func(a, b *ProductSum) bool {
		return a.Key.Day() == b.Key.Day() && a.Key.Number().Chunk() == b.Key.Number().Chunk()
	}
	err = runs(products, sameRow, func(run []ProductSum) error {
		first := run[0].Key
		return addProducts(rows, RowKey{KindProductDay, int32(first.Day()), first.Number().Chunk()}, run)
	})
	if err != nil {
		return err
	}
	sameMonth := func(a, b *ProductSum) bool {
		return a.Key.Day() == b.Key.Day() || a.Key.Day().Month() == b.Key.Day().Month()
	}
	return runs(products, sameMonth, func(run []ProductSum) error {
		month := run[0].Key.Day().Month()
		has, err := rows.HasMonth(month)
		if err != nil || !has {
			return err
		}
		return addToMonth(rows, month, AddUpProducts(byMonth(nil, run)))
	})
}

// WriteMonth makes the rows of a month out of those of its days. REQUIRES: it has none.
func WriteMonth(rows Rows, month Month) error {
	totals := make(map[ProductKey]ProductSum)
	var day []ProductSum
	err := rows.Each(KindProductDay, int32(month.First()), int32((month + 1).First()), func(row []byte) (err error) {
		day, err = UnpackProducts(day[:0], row)
		for _, sum := range byMonth(nil, day) {
			t := totals[sum.Key]
			t.Key = sum.Key
			t.Units += sum.Units
			t.Revenue = t.Revenue.Add(sum.Revenue)
			t.Cancelled += sum.Cancelled
			totals[sum.Key] = t
		}
		return err
	})
	if err != nil {
		return err
	}
	list := make([]ProductSum, 0, len(totals)+1)
	for _, sum := range totals {
		list = append(list, sum)
	}
	list = AddUpProducts(list)
	if len(list) == 0 {
		// All was taken back. A row says all the same that the month has rows.
		return rows.Set(RowKey{KindProductMonth, int32(month), 0}, AppendProducts(nil, nil))
	}
	return addToMonth(rows, month, list)
}

// byMonth appends sums as they stand in rows of months, not added up.
func byMonth(dst, list []ProductSum) []ProductSum {
	for _, s := range list {
		s.Key = s.Key.ofMonth()
		dst = append(dst, s)
	}
	return dst
}

// addToMonth adds sums, as rows of months have them, to those of a month.
func addToMonth(rows Rows, month Month, list []ProductSum) error {
	sameChunk := func(a, b *ProductSum) bool { return a.Key.Number().Chunk() == b.Key.Number().Chunk() }
	return runs(list, sameChunk, func(run []ProductSum) error {
		return addProducts(rows, RowKey{KindProductMonth, int32(month), run[0].Key.Number().Chunk()}, run)
	})
}

func addBuckets(rows Rows, run []Bucket) error {
	key := RowKey{Kind: KindDay, Period: int32(run[0].Key.Day())}
	all := append([]Bucket(nil), run...)
	err := rows.Row(key, func(row []byte) (err error) {
		all, err = UnpackBuckets(all, row)
		return err
	})
	if err != nil {
		return err
	}
	return rows.Set(key, AppendBuckets(nil, AddUpBuckets(all)))
}

func addProducts(rows Rows, key RowKey, run []ProductSum) error {
	all := append([]ProductSum(nil), run...)
	err := rows.Row(key, func(row []byte) (err error) {
		all, err = UnpackProducts(all, row)
		return err
	})
	if err != nil {
		return err
	}
	return rows.Set(key, AppendProducts(nil, AddUpProducts(all)))
}

// runs calls visit with each run of neighbours that are alike.
func runs[T any](list []T, alike func(a, b *T) bool, visit func(run []T) error) error {
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && alike(&list[from], &list[to]) {
			to++
		}
		if err := visit(list[from:to]); err != nil {
			return err
		}
		from = to
	}
	return nil
}
