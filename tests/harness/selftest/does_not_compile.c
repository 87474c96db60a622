// No C.
int main(void) { return }
