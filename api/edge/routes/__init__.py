"""One endpoint family a file; each route reads, calls one pure function, writes."""
