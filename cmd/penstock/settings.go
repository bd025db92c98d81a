package main

import (
	"fmt"
	"reflect"
	"unicode"
	"unicode/utf8"
)

// A package's Config describes each of its settings once, by the tags `default` and `doc`. The
// fields without a doc tag are wired by hand and are no options.

// flagsOf returns a pointer to a struct of the documented fields of a Config, tagged for kong: what
// a field with kong's embed tag must hold. REQUIRES: config is a struct.
func flagsOf(config any) any {
	var fields []reflect.StructField
	of := reflect.TypeOf(config)
	for i := range of.NumField() {
		field := of.Field(i)
		doc, documented := field.Tag.Lookup("doc")
		if !documented {
			continue
		}
		tag := fmt.Sprintf("help:%q", sentence(doc))
		if value, ok := field.Tag.Lookup("default"); ok {
			tag += fmt.Sprintf(" default:%q", value)
		}
		fields = append(fields, reflect.StructField{Name: field.Name, Type: field.Type, Tag: reflect.StructTag(tag)})
	}
	return reflect.New(reflect.StructOf(fields)).Interface()
}

// copyFlags sets the documented fields of a Config to what was parsed. REQUIRES: config points to a
// struct, flags come from flagsOf of the same type.
func copyFlags(config, flags any) {
	into, from := reflect.ValueOf(config).Elem(), reflect.ValueOf(flags).Elem()
	for i := range from.NumField() {
		into.FieldByName(from.Type().Field(i).Name).Set(from.Field(i))
	}
}

// sentence writes a doc tag, which begins in lower case and has no full stop, as a flag's help.
func sentence(doc string) string {
	first, size := utf8.DecodeRuneInString(doc)
	return string(unicode.ToUpper(first)) + doc[size:] + "."
}
