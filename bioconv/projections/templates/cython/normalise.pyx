{# USES_VARIABLES { _n_pre, _n_post, w, _order } #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
cdef extern from *:
    """
{% include 'normalise.h' %}
static void bioconv_normalise({{real}}* w, int64_t n_pre, int64_t n_post, const int32_t* order)
{
    bioconv::normalise<{{real}}>(w, n_pre, n_post, {{total}}, order);
}
    """
    void bioconv_normalise({{real}}* w, long long n_pre, long long n_post, int* order)
{% endblock %}
{% block maincode %}
    bioconv_normalise({{w}}, _n_pre, _n_post, {% if delays %}<int*>{{_order}}{% else %}NULL{% endif %})
{% endblock %}
