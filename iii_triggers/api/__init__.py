"""The REST API: ``/iii/api/v1/`` (extra ``api``).

A door like the admin: it parses, asks the layer below, and tells the outcome. Its views bring all
their settings along, so that the ``REST_FRAMEWORK`` of the site is neither needed nor disturbed.
"""
