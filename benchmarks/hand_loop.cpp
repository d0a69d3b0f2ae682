// The limit: weight rows added to vectors by hand, eight rows at a time, and a convolution by hand.
// Arguments: kind (dense|conv), n_pre or channels, n_post or size, out channels, replicas, steps.
// Prints events and seconds. The spikes are those of the benchmark: 10 % of the neurons at random.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

typedef NUMBER T;

static void eight(T* __restrict__ v, const T* a, const T* b, const T* c, const T* d,
                  const T* e, const T* f, const T* g, const T* h, int n)
{
    for (int j = 0; j < n; j++)
        v[j] = (((((((v[j] + a[j]) + b[j]) + c[j]) + d[j]) + e[j]) + f[j]) + g[j]) + h[j];
}

static void one(T* __restrict__ v, const T* __restrict__ a, int n)
{
    for (int j = 0; j < n; j++) v[j] += a[j];
}

int main(int, char** argv)
{
    const bool dense = !std::strcmp(argv[1], "dense");
    const int pre = std::atoi(argv[2]), size = std::atoi(argv[3]), out = std::atoi(argv[4]);
    const int replicas = std::atoi(argv[5]), steps = std::atoi(argv[6]);
    const int sources = dense ? pre : pre*size*size, targets = dense ? size : out*size*size;
    std::mt19937 random(1);
    std::vector<T> w(dense ? (size_t)pre*size : (size_t)pre*9*out);
    for (auto& x : w) x = (T)random()/4e9f;
    std::vector<T> v((size_t)targets*replicas);
    std::vector<std::vector<std::vector<int>>> spikes(16, std::vector<std::vector<int>>(replicas));
    for (auto& step : spikes)
        for (auto& list : step)
            for (int k = 0; k < sources; k++) if (random() % 10 == 0) list.push_back(k);
    double events = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (int step = 0; step < steps; step++)
        for (int r = 0; r < replicas; r++) {
            const auto& list = spikes[step % 16][r];
            T* target = v.data() + (size_t)r*targets;
            if (dense) {
                size_t k = 0;
                const T* p = w.data();
                const size_t n = size;
                for (; k + 8 <= list.size(); k += 8)
                    eight(target, p + list[k]*n, p + list[k+1]*n, p + list[k+2]*n, p + list[k+3]*n,
                          p + list[k+4]*n, p + list[k+5]*n, p + list[k+6]*n, p + list[k+7]*n, size);
                for (; k < list.size(); k++) one(target, p + list[k]*n, size);
                events += (double)list.size()*size;
            } else {
                for (int s : list) {
                    const int c = s % pre, x = s/pre % size, y = s/pre/size;
                    const int x0 = x > 0 ? x - 1 : 0, x1 = x < size - 1 ? x + 1 : size - 1;
                    for (int ky = 0; ky < 3; ky++) {
                        const int yy = y + 1 - ky;
                        if (yy < 0 || yy >= size) continue;
                        const T* row = w.data() + ((size_t)c*3 + ky)*3*out + (x0 - x + 1)*out;
                        one(target + ((size_t)yy*size + x0)*out, row, (x1 - x0 + 1)*out);
                        events += (double)(x1 - x0 + 1)*out;
                    }
                }
            }
        }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    double sum = 0;
    for (auto x : v) sum += x;
    std::printf("%.0f %.6f %g\n", events, seconds, sum);
}
