// Package search finds products by what people type: Korean and English, ranked, with typos
// forgiven, and completes a word while it is typed. It answers with numbers of places (slots) in
// the catalogue's read model and a score for each; which of them may be shown, and their rows, are
// the catalogue's business.
//
// The index is made of bleve's parts: its stemmer and its segments (a dictionary as a finite
// state transducer, a bitmap of documents for each term). Decision record 0015 says why its query
// engine and its automata for typos are not used.
//
// It is called by actors. It must not import anything of this module, and nobody else imports
// bleve.
package search
