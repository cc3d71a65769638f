DROP TABLE order_summaries, lines, orders, accounts;
