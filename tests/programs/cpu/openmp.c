// OpenMP by libgomp, which waits in system calls of its own: parallel sums, barriers, tasks, nested teams, locks.
// harness: cflags=-fopenmp
#include "../check.h"
#include <omp.h>

static long fibonacci(int n) {
    long left, right;
    if (n < 2) return n;
#pragma omp task shared(left) if (n > 10)
    left = fibonacci(n - 1);
#pragma omp task shared(right) if (n > 10)
    right = fibonacci(n - 2);
#pragma omp taskwait
    return left + right;
}

int main(void) {
    omp_set_num_threads(6);
    omp_set_max_active_levels(2);
    for (int round = 0; round < 20; round++) {
        long sum = 0;
        int phases = 0, inner = 0;
#pragma omp parallel for reduction(+ : sum) schedule(dynamic, 100)
        for (int i = 0; i < 100000; i++) sum += i;
        CHECK_EQ(sum, 4999950000);
#pragma omp parallel
        {
            for (int i = 0; i < 10; i++) {
#pragma omp barrier
#pragma omp single
                phases++;
            }
#pragma omp parallel num_threads(2)
#pragma omp critical
            inner++;
        }
        CHECK_EQ(phases, 10);
        CHECK_EQ(inner, 12);
    }
    long result = 0;
#pragma omp parallel
#pragma omp single
    result = fibonacci(20);
    printf("fibonacci %ld\n", result);
    return 0;
}
