// A spike adds its row of the matrix (n_pre, n_post) to its replica's block of the target.
//
// Columns in blocks, so that the weights of a block stay in the cache while all replicas use them; rows
// eight at a time, so that a target is loaded and stored once for eight spikes. Each target still adds
// its spikes one after another, in their order: the sums are those of explicit synapses, bit by bit.
namespace bioconv {

template <bool minus, typename W, typename T>
static inline T eight(T v, W a, W b, W c, W d, W e, W f, W g, W h)
{
    const T half = sum<minus>(sum<minus>(sum<minus>(sum<minus>(v, a), b), c), d);
    return sum<minus>(sum<minus>(sum<minus>(sum<minus>(half, e), f), g), h);
}

template <bool minus, typename W, typename T, typename G>
static inline void eight_rows(T* __restrict__ v, const W* const* __restrict__ row, const G* gain,
                              const char* open, int64_t from, int64_t to)
{
    const W* __restrict__ a = row[0]; const W* __restrict__ b = row[1];
    const W* __restrict__ c = row[2]; const W* __restrict__ d = row[3];
    const W* __restrict__ e = row[4]; const W* __restrict__ f = row[5];
    const W* __restrict__ g = row[6]; const W* __restrict__ h = row[7];
    const G ga = gain[0], gb = gain[1], gc = gain[2], gd = gain[3];
    const G ge = gain[4], gf = gain[5], gg = gain[6], gh = gain[7];
    if (open) {
        for (int64_t j = from; j < to; j++) {
            const T s = eight<minus>(v[j], a[j]*ga, b[j]*gb, c[j]*gc, d[j]*gd, e[j]*ge, f[j]*gf,
                                   g[j]*gg, h[j]*gh);
            v[j] = open[j] ? s : v[j];
        }
    } else {
        for (int64_t j = from; j < to; j++)
            v[j] = eight<minus>(v[j], a[j]*ga, b[j]*gb, c[j]*gc, d[j]*gd, e[j]*ge, f[j]*gf,
                                   g[j]*gg, h[j]*gh);
    }
}

template <bool minus, typename W, typename T, typename Gains>
static void dense(const std::vector<int32_t>& spikes, const W* w, T* target, const char* open,
                  int64_t n_pre, int64_t n_post, int64_t block, Gains gains)
{
    using G = typename std::decay<decltype(gains[0])>::type;
    const int64_t count = (int64_t)spikes.size();
    for (int64_t from = 0; from < n_post; from += block) {
        const int64_t to = from + block < n_post ? from + block : n_post;
        int64_t k = 0;
        while (k < count) {
            const int64_t replica = spikes[k]/n_pre, base = replica*n_pre;
            T* v = target + replica*n_post;
            const char* gate = open ? open + replica*n_post : nullptr;
            int64_t end = k;
            while (end < count && spikes[end] < base + n_pre) end++;
            for (; k + 8 <= end; k += 8) {
                const W* row[8];
                G gain[8];
                for (int n = 0; n < 8; n++) {
                    row[n] = w + (spikes[k + n] - base)*n_post;
                    gain[n] = gains[spikes[k + n]];
                }
                eight_rows<minus>(v, row, gain, gate, from, to);
            }
            for (; k < end; k++) {
                const W* row = w + (spikes[k] - base)*n_post;
                add<minus>(v + from, row + from, gate ? gate + from : nullptr, to - from,
                           gains[spikes[k]]);
            }
        }
    }
}

}
