// Spikes that arrive in this step, numbered from the source's first neuron.
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#ifndef BIOCONV_SPIKES
#define BIOCONV_SPIKES
namespace bioconv {

// `space` is Brian2's event space: neuron numbers, and their count in the last place. With a delay the
// spikes of this step wait in `ring`, `delay` event spaces one after another, and old ones come out.
// `at` counts the steps of a presentation of `period` steps (0: of one without an end): what is on its way when
// a presentation ends never arrives.
static const std::vector<int32_t>& arrived(
    const int32_t* space, int64_t size, int64_t first, int64_t neurons,
    int32_t* ring, int32_t* at, int64_t delay, int64_t period = 0)
{
    static thread_local std::vector<int32_t> local;
    local.clear();
    int32_t* const slot = delay > 0 ? ring + (*at % delay)*size : nullptr;
    const int32_t* from = delay > 0 ? slot : space;
    const bool before = delay > 0 && period > 0 && *at < delay;  // sent before this presentation
    const int32_t count = before ? 0 : from[size - 1];
    for (int32_t k = 0; k < count; k++) {
        const int64_t neuron = from[k] - first;
        if (neuron >= 0 && neuron < neurons) local.push_back((int32_t)neuron);
    }
    if (delay > 0) {
        std::memcpy(slot, space, space[size - 1]*sizeof(int32_t));
        slot[size - 1] = space[size - 1];
        *at = (int32_t)((*at + 1) % (period > 0 ? period : delay));
    }
    return local;
}

// a + b, or a - b for the spikes of an event that takes its weights away.
template <bool minus, typename T, typename W>
static inline T sum(T a, W b) { return minus ? a - b : a + b; }

// The gain of a source whose spikes all count one: no multiplication is left in the compiled code.
struct One {};
struct Ones { One operator[](int64_t) const { return One(); } };
template <typename W> static inline W operator*(W weight, One) { return weight; }

// target[n] += weight[n]*gain, where `open` allows it (null: everywhere).
template <bool minus, typename W, typename T, typename G>
static inline void add(T* __restrict__ target, const W* __restrict__ weight, const char* open, int64_t n,
                       G gain)
{
    if (open) {
        for (int64_t k = 0; k < n; k++) target[k] = open[k] ? sum<minus>(target[k], weight[k]*gain) : target[k];
    } else {
        for (int64_t k = 0; k < n; k++) target[k] = sum<minus>(target[k], weight[k]*gain);
    }
}

}
#endif
