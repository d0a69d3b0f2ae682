// A spike adds the weights of its own targets: a list for each source neuron, shared by all replicas.
namespace bioconv {

template <bool minus, typename W, typename T, typename Gains>
static void sparse(const std::vector<int32_t>& spikes, const W* w, T* target, const char* open,
                   int64_t n_pre, int64_t n_post, const int32_t* first, const int32_t* post, Gains gains)
{
    for (const int32_t spike : spikes) {
        const int64_t replica = spike/n_pre, neuron = spike - replica*n_pre;
        T* v = target + replica*n_post;
        const char* gate = open ? open + replica*n_post : nullptr;
        const auto gain = gains[spike];
        for (int32_t k = first[neuron]; k < first[neuron + 1]; k++)
            if (!gate || gate[post[k]]) v[post[k]] = sum<minus>(v[post[k]], w[k]*gain);
    }
}

}
