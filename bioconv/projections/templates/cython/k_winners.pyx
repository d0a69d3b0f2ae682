{# USES_VARIABLES { N, strength, may_spike } #}
{# ITERATE_ALL { _idx } #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
cdef extern from *:
    """
{% include 'k_winners.h' %}
static void bioconv_k_winners({{cpp_dtype(variables['strength'].dtype)}}* strength, char* winner, char* may, int64_t n)
{
    bioconv::k_winners(strength, winner, may, {{replicas}}, n, {{k}});
}
    """
    void bioconv_k_winners({{cpp_dtype(variables['strength'].dtype)}}* strength, char* winner, char* may, long long n)
{% endblock %}
{% block maincode %}
    _vectorisation_idx = 1
    {{scalar_code|autoindent}}
    for _idx in range(N):
        _vectorisation_idx = _idx
        {{vector_code|autoindent}}
    bioconv_k_winners(
        {{strength}}, {% if won is none %}NULL{% else %}<char*>{{get_array_name(won)}}{% endif %},
        <char*>{{may_spike}}, N//{{replicas}})
{% endblock %}
