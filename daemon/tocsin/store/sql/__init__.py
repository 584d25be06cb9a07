"""Tables, statements and transactions in SQL."""
