package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPasswordsAreNotShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"unexpected argument postgres://ann:s3cr:t@db/shop":                "unexpected argument postgres://ann:xxxxx@db/shop",
		"postgres://ann:p@ss@db:5432/shop?sslmode=require":                 "postgres://ann:xxxxx@db:5432/shop?sslmode=require",
		"postgresql://:secret@/shop":                                       "postgresql://:xxxxx@/shop",
		"host=db password=secret dbname=shop":                              "host=db password=xxxxx dbname=shop",
		"host=db password = 'se cr\\'et' dbname=shop":                      "host=db password = xxxxx dbname=shop",
		"postgres://db/shop?sslpassword=secret&sslmode=require":            "postgres://db/shop?sslpassword=xxxxx&sslmode=require",
		"http://127.0.0.1:8000/api, user ann@example.com at 10:00":         "http://127.0.0.1:8000/api, user ann@example.com at 10:00",
		"give the password in PGPASSWORD, or in PENSTOCK_DATABASE_URL":     "give the password in PGPASSWORD, or in PENSTOCK_DATABASE_URL",
		"http://127.0.0.1:8000/x and postgres://ann:secret@db/shop, twice": "http://127.0.0.1:8000/x and postgres://ann:xxxxx@db/shop, twice",
	} {
		require.Equal(t, want, withoutPasswords(text))
	}
}
