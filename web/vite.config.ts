import { defineConfig } from "vitest/config";

// The page is served at /api/v2/benchmarks/dashboard and what it loads below that, under strict rules:
// no inline script or style, nothing from elsewhere (http/dashboard.go). What is built is embedded in
// the server (web.go).
export default defineConfig({
  base: "/api/v2/benchmarks/dashboard/",
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    outDir: "static/app",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        entryFileNames: "files/[name]-[hash].js",
        chunkFileNames: "files/[name]-[hash].js",
        assetFileNames: "files/[name]-[hash][extname]",
      },
    },
  },
  server: {
    // npx vite: the page from the sources, on a server that runs at its usual address.
    proxy: { "^/api/v2/(?!benchmarks/dashboard)": "http://127.0.0.1:8000" },
  },
  test: { include: ["src/**/*.test.ts"] },
});
