"""A batch written in groups of files, by any number of processes, on one machine or several.

A group is a run of files of the batch. Whoever has one writes its rows and its refused records as files that
no reader sees, and gives back a short description of them. The descriptions of all groups together are a
batch that is written, and one commit makes it visible. Nothing here knows who runs the groups.
"""
