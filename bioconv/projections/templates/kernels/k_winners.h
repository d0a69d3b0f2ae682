// Who may spike: those who have won, and of the others as many of the strongest as may still win.
#include <algorithm>
#include <cstdint>
#include <vector>

namespace bioconv {

// `winner` (null: nobody has won before); of equal neurons the first.
template <typename T>
static void k_winners(const T* strength, const char* winner, char* may, int64_t replicas, int64_t n, int64_t k)
{
    static thread_local std::vector<int64_t> others;
    for (int64_t replica = 0; replica < replicas; replica++, strength += n, may += n) {
        others.clear();
        for (int64_t j = 0; j < n; j++) {
            may[j] = winner != nullptr && winner[replica*n + j];
            if (!may[j]) others.push_back(j);
        }
        const int64_t won = n - (int64_t)others.size();
        const int64_t left = std::max<int64_t>(0, std::min<int64_t>(k - won, (int64_t)others.size()));
        const auto stronger = [strength](int64_t a, int64_t b) {
            return strength[a] > strength[b] || (strength[a] == strength[b] && a < b);
        };
        if (left < (int64_t)others.size())
            std::nth_element(others.begin(), others.begin() + left, others.end(), stronger);
        for (int64_t s = 0; s < left; s++) may[others[s]] = 1;
    }
}

}
