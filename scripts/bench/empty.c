// A library with nothing in it: what a preload costs whatever it does.
int bench_empty_library;
