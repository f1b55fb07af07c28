"""The audit of optimizations: was each one on, what did it bring, and did it change the pictures?"""
