// An exception that leaves a thread's function ends the process by std::terminate: SIGABRT and the usual message.
// harness: exit=signal:6
// harness: stderr=contains:terminate called after throwing an instance of 'std::runtime_error'
#include <stdexcept>
#include <thread>

#include "../check.h"

int main() {
    puts("about to throw");
    fflush(stdout);
    std::thread([] { throw std::runtime_error("nobody catches it"); }).join();
}
