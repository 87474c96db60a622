// Ends otherwise than its head says.
int main(void) { return 1; }
