"""Tables in and out: customers, products, contracts and entitlements as CSV files.

What `export` writes, `import` reads; a file from elsewhere needs the same column names and may
use another separator or encoding. Nothing is written unless every row is right, or the rest is
asked for.
"""
