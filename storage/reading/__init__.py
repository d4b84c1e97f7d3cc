"""The files of a batch as blocks of whole records, decompressed."""
