// Columns of a matrix (n_pre, n_post) scaled so that each adds up to `total`; columns without weights stay.
#include <cstdint>
#include <vector>

namespace bioconv {

template <typename W>
static void normalise(W* w, int64_t n_pre, int64_t n_post, W total, const int32_t* order)
{
    std::vector<W> scale(n_post, 0);
    for (int64_t i = 0; i < n_pre; i++)
        for (int64_t k = 0; k < n_post; k++) scale[order ? order[i*n_post + k] : k] += w[i*n_post + k];
    for (int64_t j = 0; j < n_post; j++) scale[j] = scale[j] > 0 ? total/scale[j] : 1;
    for (int64_t i = 0; i < n_pre; i++)
        for (int64_t k = 0; k < n_post; k++) w[i*n_post + k] *= scale[order ? order[i*n_post + k] : k];
}

}
