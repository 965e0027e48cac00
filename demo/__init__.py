"""The demonstration: a small clothes shop, its real visits, and the loop run over them."""
