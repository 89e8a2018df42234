"""Strangers that send anything: does the engine live, is anybody disturbed, what is left behind?"""
