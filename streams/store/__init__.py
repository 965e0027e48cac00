"""A worker's rows behind one port: in memory (`memory`) or in files beside the worker (`local`, lmdb).

The topics are the truth; a store is what saves reading them again. So it may forget whatever it likes, but never hold
what its mark does not cover.
"""
