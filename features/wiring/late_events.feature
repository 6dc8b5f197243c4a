@wiring
Feature: Late and repeated events change nothing
  Events may come twice or long after their time; what is true stays true.

  Scenario: An old password never returns
    Given ada is logged in
    And ada has reset the password to "a harbour in the evening"
    When every record of ada in "users" comes again, oldest first
    And every record of ada in "rpwd_db.users" comes again, oldest first
    Then the databases agree on ada in the end
    And ada can log in with "a harbour in the evening"
    And ada cannot log in with "a quiet harbour at dawn"

  Scenario: An old password that comes last does not return either
    Given ada is logged in
    And ada has reset the password to "a harbour in the evening"
    When the first record of ada in "users" comes again, after all others
    Then ada can log in with "a harbour in the evening"
    And ada cannot log in with "a quiet harbour at dawn"
    And the databases agree on ada in the end

  Scenario: An older state of an account leaves the newer one at reset-password
    Given ada is logged in
    And ada has reset the password to "a harbour in the evening"
    Then ada can log in with "a harbour in the evening"
    When the first record of ada in "login_db.users" comes again, after all others
    Then the databases agree on ada in the end

  Scenario: A lifted suspension stays lifted
    Given ada is suspended
    And ada's suspension is lifted in login_db and in signup_db
    When the first record of ada in "login_db.suspended_users" comes again, after all others
    Then ada's suspension is lifted in login_db and in signup_db

  Scenario: A late activation does not activate a newer sign-up
    Given ada has signed up
    And the connector "mongonewuserconnector" is paused
    And ada has signed up again
    When the first link of ada is followed before the newer sign-up is known
    And the connector "mongonewuserconnector" is resumed
    Then ada is still INACTIVE in signup_db once all has drained

  Scenario: A repeated activation event changes nothing
    Given ada has an active account
    When every record of ada in "mongoserver1.activate_user_reg_db.active_users" comes again, oldest first
    Then ada is still ACTIVE in signup_db once all has drained

  Scenario: A late activation does not lift a suspension
    Given ada is suspended
    When every record of ada in "mongoserver1.activate_user_reg_db.active_users" comes again, oldest first
    And ada logs in
    Then ada is refused with LOGIN_FAILED
