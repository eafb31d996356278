"""A training folder from Open Images V7.

web        files and parts of files from a server
tables     its lists, as tables
tagmap     which of its classes mean which tag
plan       which pictures are wanted
folder     the pictures that are there, and how one gets in
download   the plan -> the folder
"""
