"""Explanations why people were paged or not: the whole path of an alert or an incident. Nothing is changed."""
