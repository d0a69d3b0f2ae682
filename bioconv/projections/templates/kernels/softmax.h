// The softmax of every replica's block of values, in their place, and whose value was the largest.
#include <cmath>
#include <cstdint>
#include <vector>

namespace bioconv {

// The maximum is taken off first, so that no exponential overflows; `top` (null: not asked for) is
// true for the first of the largest.
template <typename T>
static void softmax(T* values, char* top, int64_t replicas, int64_t n)
{
    static thread_local std::vector<double> power;
    power.resize(n);
    for (int64_t replica = 0; replica < replicas; replica++, values += n) {
        int64_t best = 0;
        for (int64_t k = 1; k < n; k++) if (values[k] > values[best]) best = k;
        const double largest = values[best];
        double total = 0;
        for (int64_t k = 0; k < n; k++) total += power[k] = std::exp(values[k] - largest);
        for (int64_t k = 0; k < n; k++) values[k] = (T)(power[k]/total);
        if (top) for (int64_t k = 0; k < n; k++) top[replica*n + k] = k == best;
    }
}

}
