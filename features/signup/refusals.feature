@signup
Feature: What sign-up refuses
  A sign-up that cannot be is refused with every reason at once, and leaves nothing behind.

  Scenario Outline: An invalid field is named (<code> at <field>)
    When ada signs up with
      | <field> | <value> |
    Then ada is refused with VALIDATION_FAILED, <code> at "/<field>"
    And ada has no row in signup_db
    And ada has no mail
    Examples:
      | field    | value               | code               |
      | password | short               | PASSWORD_TOO_SHORT |
      | phoneNo  | call me             | FIELD_INVALID      |
      | gender   | a very long gender! | FIELD_INVALID      |

  Scenario Outline: A malformed address is refused (<address>)
    When somebody signs up with the address "<address>"
    Then the answer is a refusal with VALIDATION_FAILED, EMAIL_INVALID at "/email"
    Examples:
      | address               |
      | ada                   |
      | ada@                  |
      | ada@@example.org      |
      | ada lovelace@x.org    |
      | Ada <ada@example.org> |
      | ädä@example.org       |

  Scenario: Every invalid field is named at once
    When somebody signs up with the address "nobody" and
      | password | short   |
      | phoneNo  | call me |
    Then the answer names EMAIL_INVALID, PASSWORD_TOO_SHORT and FIELD_INVALID

  Scenario Outline: Privileges cannot be signed up for (<field>)
    When ada signs up with
      | <field> | <value> |
    Then ada is refused with VALIDATION_FAILED, FIELD_UNKNOWN at ""
    And ada has no row in signup_db
    Examples:
      | field       | value  |
      | userRole    | Admin  |
      | User_status | ACTIVE |
      | id          | 1      |
      | pw_version  | 9      |
      | auth_token  | x      |

  Scenario: A password that contains the address is refused
    When ada signs up with a password that contains the address
    Then ada is refused with VALIDATION_FAILED, PASSWORD_CONTAINS_EMAIL at "/password"

  Scenario: A password of 256 characters is kept whole
    When ada signs up with a password of 256 characters
    Then ada's newest activation link activates the account
    And ada can log in with that password
    And ada cannot log in with all but its last character

  Scenario: A longer password is refused
    When ada signs up with a password of 257 characters
    Then ada is refused with VALIDATION_FAILED, PASSWORD_TOO_LONG at "/password"
