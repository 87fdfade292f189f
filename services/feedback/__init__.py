"""Feedback (H): complaints with their clocks, and what owners think of finished work. Own process and database."""
