// What a rule compares with its number, from the counts of one replica's outputs.
#include <cstdint>

namespace bioconv {

inline int64_t margin(const int32_t* count, int64_t outputs)
{
    int64_t first = 0, second = 0;
    for (int64_t n = 0; n < outputs; n++) {
        if (count[n] > first) {
            second = first;
            first = count[n];
        } else if (count[n] > second) {
            second = count[n];
        }
    }
    return first - second;
}

inline int64_t total(const int32_t* count, int64_t outputs)
{
    int64_t sum = 0;
    for (int64_t n = 0; n < outputs; n++)
        sum += count[n];
    return sum;
}

}  // namespace bioconv
