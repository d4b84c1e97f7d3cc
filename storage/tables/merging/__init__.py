"""The modes beside `append`: which rows of a batch, and of the table, are there after its commit.

The rows of a batch lie in *staged* files, which no commit has yet. A merge looks at the keys of both sides,
and decides file by file: staged files are committed as they are, written again without some rows, or dropped;
and so are the files of the table that hold rows to be replaced. All others stay.
"""
