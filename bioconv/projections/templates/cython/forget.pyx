{# USES_VARIABLES { _x, _x_before, _y, _ring } #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
cdef extern from *:
    """
{% include 'forget.h' %}
static void bioconv_forget({{real}}* x, {{real}}* x_before, {{real}}* y, int32_t* ring)
{
    bioconv::forget<{{real}}>(x, {{n_x}}, x_before, {{n_before}}, y, {{n_y}}, ring, {{n_ring}});
}
    """
    void bioconv_forget({{real}}* x, {{real}}* x_before, {{real}}* y, int* ring)
{% endblock %}
{% block maincode %}
    bioconv_forget({{_x}}, {{_x_before}}, {{_y}}, <int*>{{_ring}})
{% endblock %}
