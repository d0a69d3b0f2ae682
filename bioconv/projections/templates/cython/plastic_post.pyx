{# USES_VARIABLES { _at, _post_first, _kept, _n_pre, _n_post, w, learning, _x, _y, _c, _place, _waits, _there } #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
{% set side = 'post' %}
cdef extern from *:
    """
{% include 'spikes.h' %}
{% include 'plastic.h' %}
static void bioconv_post(
    const int32_t* space, int64_t post_first, {{real}}* w, {{real}}* c, {{real}}* x, {{real}}* y, {{real}} learning,
    int64_t n_pre, int64_t n_post, int64_t kept, int32_t* at, const int32_t* place, const int32_t* waits,
    const char* there)
{
    {% if post_first %}
    at[0] = (int32_t)((at[0] + 1) % kept);
    bioconv::next_step(x, y, n_pre, n_post, kept, at[0]);
    {% endif %}
    bioconv::plastic_post(
        bioconv::arrived(space, {{postspace_size}}, post_first, n_post, nullptr, nullptr, 0), w, c, x, y, learning,
        n_pre, n_post, kept, at[0], place, waits, there);
}
    """
    void bioconv_post(
        int* space, long long post_first, {{real}}* w, {{real}}* c, {{real}}* x, {{real}}* y, {{real}} learning,
        long long n_pre, long long n_post, long long kept, int* at, int* place, int* waits, char* there)
{% endblock %}
{% block maincode %}
    bioconv_post(
        <int*>{{get_array_name(postspace)}}, _post_first, {{w}}, {{_c}}, {{_x}}, {{_y}}, {{learning}},
        _n_pre, _n_post, _kept, <int*>{{_at}}, <int*>{{_place}}, <int*>{{_waits}},
        <char*>{{_there}})
{% endblock %}
