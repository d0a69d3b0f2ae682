"""Models that leave: a C++ project that runs without Python, a Brian2 script that runs without bioconv."""
