"""The web side: the edge that answers queries and the console that merchants use."""
