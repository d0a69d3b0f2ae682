{# USES_VARIABLES { N, softmax } #}
{# ITERATE_ALL { _idx } #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
cdef extern from *:
    """
{% include 'softmax.h' %}
static void bioconv_softmax({{cpp_dtype(variables['softmax'].dtype)}}* values, char* top, int64_t replicas, int64_t n)
{
    bioconv::softmax(values, top, replicas, n);
}
    """
    void bioconv_softmax({{cpp_dtype(variables['softmax'].dtype)}}* values, char* top, long long replicas, long long n)
{% endblock %}
{% block maincode %}
    _vectorisation_idx = 1
    {{scalar_code|autoindent}}
    for _idx in range(N):
        _vectorisation_idx = _idx
        {{vector_code|autoindent}}
    bioconv_softmax({{softmax}}, {% if top is none %}NULL{% else %}<char*>{{get_array_name(top)}}{% endif %}, {{replicas}}, N//{{replicas}})
{% endblock %}
