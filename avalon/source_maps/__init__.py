"""Source maps: what people upload so that frames of minified scripts can be read.

    bundles    an upload as a zip              chunks    its pieces, put together by any replica
    storage    what is kept, within a budget   keeping   what goes after a while
    worker     looks places up, in a process   lookup    that process, as the service talks to it
    places     which frames can be looked up   resolver  reports with their frames resolved

Imports nothing here, so that the worker starts fast.
"""
