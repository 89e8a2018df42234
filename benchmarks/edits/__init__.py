"""How soon does an edit in the admin of one process serve on the others?"""
