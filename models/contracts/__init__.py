"""Everything two processes must agree on. A leaf: imports the standard library and msgspec only."""
