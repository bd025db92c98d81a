package frontproxy

import "strings"

// config returns what a proxy runs with. Bodies are passed on as they come, connections to the server are kept and
// shared, and nothing is tried twice: that is where two readers of one stream can come to differ.
func (k Kind) config(dir, listen, server string) string {
	text := haproxyConfig
	if k == Nginx {
		text = nginxConfig
	}
	return strings.NewReplacer("DIR", dir, "LISTEN", listen, "SERVER", server, "MARK", forwardedMark).Replace(text)
}

const nginxConfig = `daemon off;
master_process off;
user root;
pid DIR/nginx.pid;
events {}
http {
  map $upstream_addr$request_completion $passed { default 0; "~.OK$" 1; }
  map $http_upgrade $link { "" ""; default upgrade; }
  log_format passed "MARK$request_method $request_uri";
  access_log /dev/stdout passed if=$passed;
  client_body_temp_path DIR/body;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  upstream penstock { server SERVER; keepalive 4; }
  server {
    listen LISTEN;
    location / {
      proxy_pass http://penstock;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection $link;
      proxy_set_header Upgrade $http_upgrade;
      proxy_request_buffering off;
      proxy_next_upstream off;
      proxy_ignore_client_abort on;
    }
  }
}
`

const haproxyConfig = `global
  log stdout format raw local0
defaults
  mode http
  log global
  retries 0
  http-reuse always
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  timeout tunnel 5s
frontend in
  bind LISTEN
  log-format "%s MARK%HM %HU"
  default_backend penstock
backend penstock
  server it SERVER
`
