"""The measurements of Yima: `./dev bench`. Each figure stands beside its limit, measured in the same run.

An absolute number means little on a shared machine; the ratio to the limit does. See docs/performance.md.
"""
