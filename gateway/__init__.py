"""The HTTP face of EstateLoop (I1–I3): who asks, what may be asked, and the answer. It holds no business rule."""
