"""The attribute systems done plainly, as the published code does them: what our speed is measured against.

Nothing is shared between attributes, roles or photos that the published code does not share; numbers are ours to 1e-4.
"""
