-- Made after the rows: that is faster, and leaves them packed.
ALTER TABLE products ADD PRIMARY KEY (id);
CREATE INDEX products_price ON products (price, id) WHERE NOT archived;
CREATE INDEX products_name ON products (name, id) WHERE NOT archived;
CREATE INDEX products_category ON products (category, id) WHERE NOT archived;
CREATE INDEX products_category_price ON products (category, price, id) WHERE NOT archived;
CREATE INDEX products_category_name ON products (category, name, id) WHERE NOT archived;
CREATE INDEX products_search ON products USING gin (search);
ALTER TABLE stock ADD PRIMARY KEY (product);
ALTER TABLE stock_movements ADD PRIMARY KEY (product, version);
ALTER TABLE orders ADD PRIMARY KEY (id);
CREATE INDEX orders_customer ON orders (customer, id);
CREATE INDEX orders_status ON orders (status, id);
ALTER TABLE order_events ADD PRIMARY KEY (order_id, seq);
ALTER TABLE idempotency_keys ADD PRIMARY KEY (id);
