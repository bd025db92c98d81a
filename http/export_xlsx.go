package http

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"github.com/penstock-dev/penstock/commerce"
)

const (
	// sheetRowsMax is how many rows a sheet can have, its header among them.
	sheetRowsMax = 1_048_576
	// cellMax is how many characters a cell can have. Only the items of an order can be longer.
	cellMax = 32_767
)

// xlsxExporter writes a spreadsheet: sheets of the columns of csv, each as long as a sheet can be. The rows go to
// temporary files, since a spreadsheet is an archive in which each sheet must be complete before the next begins.
//
// Cells that hold text are of the type text: no spreadsheet computes them.
type xlsxExporter struct {
	out     *bufio.Writer
	dir     string // of the temporary files; removed at the end
	file    *excelize.File
	sheet   *excelize.StreamWriter
	sheets  int
	row     int // the last one written in the sheet
	rowsMax int
	cells   exportRow
	values  []any
}

func newXLSXExporter(out *bufio.Writer, temporary string, rowsMax int) (*xlsxExporter, error) {
	dir, err := os.MkdirTemp(temporary, "penstock-export-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for temporary files: %w", err)
	}
	x := &xlsxExporter{out: out, dir: dir, rowsMax: rowsMax, file: excelize.NewFile(excelize.Options{TmpDir: dir})}
	// excelize would gather the whole archive in memory.
	x.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(out) })
	if err := x.nextSheet(); err != nil {
		return nil, errors.Join(err, x.close())
	}
	return x, nil
}

// nextSheet ends the sheet that is written to, if there is one, and begins another.
func (x *xlsxExporter) nextSheet() error {
	if err := x.endSheet(); err != nil {
		return err
	}
	x.sheets++
	name := "Orders"
	if x.sheets == 1 {
		if err := x.file.SetSheetName("Sheet1", name); err != nil {
			return fmt.Errorf("name sheet: %w", err)
		}
	} else {
		name += " " + strconv.Itoa(x.sheets)
		if _, err := x.file.NewSheet(name); err != nil {
			return fmt.Errorf("begin sheet: %w", err)
		}
	}
	var err error
	if x.sheet, err = x.file.NewStreamWriter(name); err != nil {
		return fmt.Errorf("begin sheet: %w", err)
	}
	x.row = 0
	x.values = x.values[:0]
	for _, column := range exportColumns() {
		x.values = append(x.values, column)
	}
	return x.write()
}

func (x *xlsxExporter) endSheet() error {
	if x.sheet == nil {
		return nil
	}
	if err := x.sheet.Flush(); err != nil {
		return fmt.Errorf("end sheet: %w", err)
	}
	return nil
}

// write writes x.values as the next row.
func (x *xlsxExporter) write() error {
	x.row++
	if err := x.sheet.SetRow("A"+strconv.Itoa(x.row), x.values); err != nil {
		return fmt.Errorf("write row: %w", err)
	}
	return nil
}

func (x *xlsxExporter) order(o *commerce.Order) error {
	if x.row == x.rowsMax {
		if err := x.nextSheet(); err != nil {
			return err
		}
	}
	x.cells.set(o)
	x.values = x.values[:0]
	from := 0
	for i, column := range exportColumns() {
		value := string(x.cells.buf[from:x.cells.cells[i].end])
		from = x.cells.cells[i].end
		switch column {
		case "total_amount", "units", "version":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return fmt.Errorf("write %s: %w", column, err)
			}
			x.values = append(x.values, n)
		default:
			x.values = append(x.values, cut(value))
		}
	}
	return x.write()
}

// cut shortens what is too long for a cell, and shows that it did.
func cut(text string) string {
	if len(text) <= cellMax || utf8.RuneCountInString(text) <= cellMax {
		return text
	}
	return string([]rune(text)[:cellMax-1]) + "…"
}

// end writes the archive.
func (x *xlsxExporter) end() error {
	if err := x.endSheet(); err != nil {
		return err
	}
	if err := x.file.Write(io.Discard); err != nil { // see SetZipWriter
		return fmt.Errorf("write spreadsheet: %w", err)
	}
	return nil
}

func (x *xlsxExporter) close() error {
	err := errors.Join(x.file.Close(), os.RemoveAll(x.dir))
	if err != nil {
		return fmt.Errorf("remove temporary files: %w", err)
	}
	return nil
}
