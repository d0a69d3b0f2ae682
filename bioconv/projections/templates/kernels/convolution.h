// A spike of pixel (row, column, channel) adds its channel's kernel around that pixel.
//
// Neurons count row, column, channel, so that neighbouring targets of one output row lie side by side.
// Which kernel rows meet which output rows, and which runs of kernel columns meet which runs of output
// columns, is tabled per input row and column: stride, padding and dilation are in the tables.
namespace bioconv {

template <bool minus, typename W, typename T, typename Gains>
static void convolution(
    const std::vector<int32_t>& spikes, const W* w, T* target, const char* open,
    int64_t n_pre, int64_t n_post, int64_t channels, int64_t columns, int64_t per_group,
    int64_t out_columns, int64_t out_channels, int64_t out_per_group,
    int64_t kernel_rows, int64_t kernel_columns,
    const int32_t* row_first, const int32_t* row_kernel, const int32_t* row_out,
    const int32_t* run_first, const int32_t* run_kernel, const int32_t* run_out,
    const int32_t* run_length, Gains gains)
{
    for (const int32_t spike : spikes) {
        const int64_t replica = spike/n_pre, neuron = spike - replica*n_pre;
        const int64_t channel = neuron % channels, pixel = neuron/channels;
        const int64_t column = pixel % columns, row = pixel/columns;
        const W* kernel = w + channel*kernel_rows*kernel_columns*out_per_group;
        const int64_t base = replica*n_post + channel/per_group*out_per_group;
        for (int32_t r = row_first[row]; r < row_first[row + 1]; r++) {
            const W* line = kernel + row_kernel[r]*kernel_columns*out_per_group;
            const int64_t start = base + row_out[r]*out_columns*out_channels;
            for (int32_t c = run_first[column]; c < run_first[column + 1]; c++) {
                const int64_t at = start + run_out[c]*out_channels;
                add<minus>(target + at, line + run_kernel[c]*out_per_group,
                           open ? open + at : nullptr, run_length[c]*out_per_group, gains[spike]);
            }
        }
    }
}

}
