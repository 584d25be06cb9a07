"""The renderers of ``tocsin report``: one module per format, all from the same tables."""
