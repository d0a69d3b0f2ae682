// A spike passes into a window if its neuron has the largest estimate of all neurons of the window.
//
// A window's neurons are listed in the order that decides ties; the spike's own place in the list is
// tabled, so that who stands before it is compared by >=, and who stands behind by >.
namespace bioconv {

template <typename E>
static inline bool leads(const E* estimate, int32_t neuron, const int32_t* begin, const int32_t* place,
                         const int32_t* end)
{
    const E own = estimate[neuron];
    for (const int32_t* other = begin; other < place; other++)
        if (estimate[*other] >= own) return false;
    for (const int32_t* other = place + 1; other < end; other++)
        if (estimate[*other] > own) return false;
    return true;
}

template <bool minus, typename W, typename T, typename E>
static void gate(const std::vector<int32_t>& spikes, const W* w, T* target, const char* open,
                 const E* estimate, int64_t n_pre, int64_t n_post, const int32_t* first,
                 const int32_t* post, const int32_t* place, const int32_t* window_first,
                 const int32_t* window_pre)
{
    for (const int32_t spike : spikes) {
        const int64_t replica = spike/n_pre;
        const int32_t neuron = (int32_t)(spike - replica*n_pre);
        T* v = target + replica*n_post;
        const char* writable = open ? open + replica*n_post : nullptr;
        for (int32_t k = first[neuron]; k < first[neuron + 1]; k++) {
            const int32_t window = post[k];
            if (writable && !writable[window]) continue;
            if (leads(estimate + replica*n_pre, neuron, window_pre + window_first[window],
                      window_pre + place[k], window_pre + window_first[window + 1]))
                v[window] = sum<minus>(v[window], w[k]);
        }
    }
}

}
