// A spike adds one weight to all targets of its replica but the neuron of its own number.
namespace bioconv {

template <bool minus, typename W, typename T, typename Gains>
static void all_but_own(const std::vector<int32_t>& spikes, const W* w, T* target, const char* open, int64_t n,
                        Gains gains)
{
    for (const int32_t spike : spikes) {
        const int64_t replica = spike/n, own = spike - replica*n;
        T* v = target + replica*n;
        const char* gate = open ? open + replica*n : nullptr;
        const auto weight = w[0]*gains[spike];
        for (int64_t part = 0; part < 2; part++) {
            const int64_t from = part ? own + 1 : 0, to = part ? n : own;
            for (int64_t j = from; j < to; j++)
                v[j] = (!gate || gate[j]) ? sum<minus>(v[j], weight) : v[j];
        }
    }
}

}
